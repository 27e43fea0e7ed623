/** The picture library, loaded when a picture is first read, drawn or written: it takes a tenth of a second. */
export const loadSharp = async () => (await import("sharp")).default;

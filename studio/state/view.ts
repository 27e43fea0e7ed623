/** Which view is shown. */
import { signal } from "@preact/signals";

/** As it stands in the address. */
export const view = signal("generate");

/** Shows another view, from its top. */
export function go(name: string): void {
  view.value = name;
  scrollTo(0, 0);
}

/** What a store of results is: files by name, whole or not there. */

/** Files by name. Writing one twice leaves one of the two, whole. */
export interface ResultStore {
  /** As it is named by people. */
  readonly place: string;
  has(name: string): Promise<boolean>;
  /** Null where there is no such file. */
  read(name: string): Promise<Uint8Array | null>;
  write(name: string, chunks: Iterable<Uint8Array>): Promise<void>;
  remove(name: string): Promise<void>;
}

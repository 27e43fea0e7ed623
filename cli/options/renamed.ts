/** Options by the names that they once had, per command; "" stands for every command. */
const renamedOptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": { "--judge": "--classifier", "--real": "--reference-images" },
  evaluate: { "--plan": "--plans" },
  search: { "--held-out": "--final-samples" },
  classifier: { "--no-mirror": "--no-flip", "--pictures": "--images" },
};

/** The name that an option has now; null where it never had another. */
export function renamedOption(command: string, option: string): string | null {
  return renamedOptions[command]?.[option] ?? renamedOptions[""]![option] ?? null;
}

/** The views, in the order of their tabs. */
import type { ComponentType } from "preact";
import { GenerateView } from "./generate.tsx";

export interface View {
  /** As it stands in the address. */
  readonly name: string;
  readonly title: string;
  readonly Component: ComponentType;
}

export const views: readonly View[] = [{ name: "generate", title: "Generate", Component: GenerateView }];

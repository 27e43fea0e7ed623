/** The views, in the order of their tabs. */
import type { ComponentType } from "preact";
import type { Kind } from "../state/sessions.ts";
import { CompareView } from "./compare.tsx";
import { EditView } from "./edit.tsx";
import { GenerateView } from "./generate.tsx";
import { TrainingView } from "./training.tsx";
import { VideoView } from "./video.tsx";

export interface View {
  /** As it stands in the address. */
  readonly name: string;
  readonly title: string;
  /** What its models make; null: it needs none. */
  readonly kind: Kind | null;
  readonly Component: ComponentType;
}

export const views: readonly View[] = [
  { name: "generate", title: "Generate", kind: "image", Component: GenerateView },
  { name: "compare", title: "Compare", kind: "image", Component: CompareView },
  { name: "edit", title: "Edit", kind: "image", Component: EditView },
  { name: "video", title: "Video", kind: "video", Component: VideoView },
  { name: "training", title: "Training", kind: null, Component: TrainingView },
];

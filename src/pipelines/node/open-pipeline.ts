/** Opening a model without knowing what it makes. */

import { type ImagePipeline, imagePipelineOver } from "../image-pipeline.ts";
import type { PipelineOptions } from "../session.ts";
import { openGeneratorFrom } from "../session.ts";
import { type VideoPipeline, videoPipelineOver } from "../video-pipeline.ts";

/**
 * Opens a model folder as what it is; a `VideoPipeline` has `frames`, an `ImagePipeline` has not.
 *
 * @throws InputError when the folder is not a whole model, or the device is not there or lacks the precision
 * @example
 * const pipeline = await openPipeline("models/motions");
 * if ("frames" in pipeline) console.log(`videos of ${pipeline.frames} frames`);
 */
export async function openPipeline(
  folder: string,
  options: PipelineOptions = {},
): Promise<ImagePipeline | VideoPipeline> {
  const generator = await openGeneratorFrom(folder, options);
  const isVideo = generator.model.tokenizer.config.frames !== undefined;
  return isVideo ? videoPipelineOver(generator) : imagePipelineOver(generator);
}

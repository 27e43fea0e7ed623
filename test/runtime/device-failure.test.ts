/** What ONNX Runtime says when a run fails, and what of it people are told. */
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { runFailure } from "../../src/runtime/device-failure.ts";

// As ONNX Runtime 1.30 words them.
const full =
  "Non-zero status code returned while running MatMul node. Name:'MatMul_7' Status Message: bfc_arena.cc:376 " +
  "AllocateRawInternal Failed to allocate memory for requested buffer of size 3221225472";
const lost =
  "CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=a ; file=cuda_call.cc ; line=1 ; expr=cudaStreamSynchronize";

describe("runFailure", () => {
  it("tells of full memory how much was wanted, and which setting lowers it", () => {
    const error = runFailure('run "step"', "cuda", full);
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(
      /^run "step": the memory of device cuda is full \(it was asked for another 3221 MB\); smaller batches .*batchSize/,
    );
    expect(runFailure("run", "cpu", "std::bad_alloc").message).toMatch(
      /memory of device cpu is full; smaller/,
    );
  });

  it("tells of a card that stopped that what was saved is intact", () => {
    const error = runFailure("run", "cuda", lost);
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(/the card of device cuda stopped \(CUDA failure 719.*intact.*--resume$/);
  });

  it("leaves any other reason as it is", () => {
    const error = runFailure("run", "cpu", "indices element out of data bounds, idx=100");
    expect(error).not.toBeInstanceOf(InputError);
    expect(error.message).toBe("run: indices element out of data bounds, idx=100");
  });
});

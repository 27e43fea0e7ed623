/** Reading a name out of an encoded model without decoding the whole of it. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

// Field numbers of onnx.proto, stable since its first version.
const modelGraphField = 7;
const graphNameField = 2;

/**
 * The name of an encoded ONNX model's graph, which sessions do not tell; undefined when it has none. Reads only the
 * outline of the message, so it costs nothing next to compiling.
 */
export function graphName(model: Uint8Array): string | undefined {
  const graph = firstField(model, modelGraphField);
  const name = graph && firstField(graph, graphNameField);
  return name?.length ? new TextDecoder().decode(name) : undefined;
}

function firstField(message: Uint8Array, wanted: number): Uint8Array | undefined {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.LengthDelimited) return reader.bytes();
    reader.skip(type, field);
  }
  return undefined;
}

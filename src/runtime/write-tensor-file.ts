import { type Files, guardFiles, writeDurably } from './files.ts';
import { safetensorsChunks, type TensorFile } from './safetensors.ts';

/** Writes a safetensors file, in place of an old one only when it is whole. Fails with the codes of `guardFiles`. */
export function writeTensorFile(files: Files, path: string, { tensors, metadata }: TensorFile): void {
  guardFiles(path, () => {
    const temporary = `${path}.tmp-${process.pid}`;
    try {
      writeDurably(files, temporary, safetensorsChunks(tensors, metadata));
      files.rename(temporary, path);
    } catch (error) {
      files.remove(temporary);
      throw error;
    }
  });
}

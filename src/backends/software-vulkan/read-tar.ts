const BLOCK = 512;

/** The regular files of a tar archive (POSIX ustar), by their names in it. Throws an `Error` when it is cut short. */
export function readTar(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(textOf(header.subarray(124, 136)), 8);
    const start = at + BLOCK;
    if (!(size >= 0) || start + size > archive.length) throw new Error('the archive is cut short');
    const type = header[156];
    if (type === 0 || type === 0x30) files.set(textOf(header.subarray(0, 100)), archive.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function textOf(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1');
}

import { readFileSync } from 'node:fs';

/** The version of this package. Works from the sources and from the built package. */
export function version(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found) return String(found.version);
    } catch {
      // Not there: the other place has it.
    }
  }
  return 'unknown';
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

/**
 * Compares `text` with the file `spec/golden/NAME`. BLESS=1 writes it; without that, a missing file is a failure like a
 * different one.
 */
export function golden(name: string, text: string): void {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  if (process.env.BLESS === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  assert.ok(existsSync(path), `no golden file ${name}; write it with npm run bless and read it`);
  assert.fixture(text, readFileSync(path, 'utf8'), `${name} has changed; npm run bless writes it anew`);
}

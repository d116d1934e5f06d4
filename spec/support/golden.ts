/** Texts that are kept beside the tests. `npm run bless` writes them anew; the diff then says what changed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'golden');

/** Holds `text` to the file of that name. */
export function matchesGolden(name: string, text: string): void {
  const path = join(folder, name);
  if (process.env.BLESS) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  assert.ok(existsSync(path), `spec/golden/${name} is there; npm run bless writes it`);
  assert.fixture(text, readFileSync(path, 'utf8'), `spec/golden/${name}`);
}

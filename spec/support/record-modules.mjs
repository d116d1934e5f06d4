// Given to Node by `--import`, writes the address of every module that is loaded as a line to the file of TFM_TEST_MODULES.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';

if (!import.meta.url.endsWith('?hooks')) register(`${import.meta.url}?hooks`);

export async function load(url, context, next) {
  appendFileSync(process.env.TFM_TEST_MODULES, `${url}\n`);
  return next(url, context);
}

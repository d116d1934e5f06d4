// Given to Node by `--import`, loads the text of TFM_TEST_SOURCE in the place of the module whose address ends with TFM_TEST_MODULE.
import { register } from 'node:module';

if (!import.meta.url.endsWith('?hooks')) register(`${import.meta.url}?hooks`);

export async function load(url, context, next) {
  if (!url.split('?')[0].endsWith(process.env.TFM_TEST_MODULE)) return next(url, context);
  return { format: 'module', shortCircuit: true, source: process.env.TFM_TEST_SOURCE };
}

/**
 * `npm run check:gpu -- [PART...]`: whether kernels in CUDA C++ do on this machine's GPU what they should, and how fast. The
 * results are written as JSON, with the name of the device. `bench/README.md` says what a machine without npm needs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { DeviceInfo } from '../src/backends/device.ts';
import { DEVICE_NAMES, type DeviceName, openDevice } from '../src/backends/open-device.ts';
import { reportFailure } from '../src/cli/report-failure.ts';
import { openTerminal } from '../src/cli/terminal.ts';
import { EXIT } from '../src/compiler/diagnostics/diagnostic.ts';
import { version } from '../src/runtime/version.ts';
import type { PartResult } from './gpu/part.ts';
import { PARTS } from './gpu/parts.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const HELP = `npm run check:gpu -- [PART...] [OPTIONS]
${Object.entries(PARTS)
  .map(([name, { about }]) => `  ${name.padEnd(18)}${about}`)
  .join('\n')}
All of them unless some are named.
  --device NAME     ${DEVICE_NAMES.join(', ')}; cuda unless given
  --only WORD       of test files and of the oracle's cases, only those whose names contain it; may be given again
  --out FOLDER      where the results go; bench/results unless given
`;

const terminal = openTerminal();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    device: { type: 'string', default: 'cuda' },
    only: { type: 'string', multiple: true, default: [] },
    out: { type: 'string', default: join(root, 'bench', 'results') },
  },
});
const device = DEVICE_NAMES.find((name) => name === values.device);
const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
if (values.help || device === undefined || unknown.length > 0) {
  if (device === undefined) terminal.tell(`there is no device ${values.device}`);
  if (unknown.length > 0) terminal.tell(`there is no part ${unknown.join(', ')}`);
  terminal.write(HELP);
  process.exit(values.help ? EXIT.ok : EXIT.usage);
}
process.exit(await check(device, positionals.length === 0 ? Object.keys(PARTS) : positionals));

async function check(name: DeviceName, parts: readonly string[]): Promise<number> {
  const info = await infoOf(name).catch((error: unknown) => reportFailure(error, terminal, []));
  if (typeof info === 'number') return info;
  terminal.tell(`${info.name}, ${info.driver}`);
  const results: Record<string, PartResult & { readonly seconds: number }> = {};
  const path = join(values.out, `gpu-${new Date().toISOString().slice(0, 10)}-${slugOf(info.name)}.json`);
  mkdirSync(values.out, { recursive: true });
  for (const part of parts) {
    terminal.tell(`${part} begins`);
    const began = performance.now();
    const tell = (line: string): void => terminal.tell(`  ${line}`);
    const result = await resultOf(part, { device: name, info, only: values.only, tell });
    const seconds = (performance.now() - began) / 1000;
    results[part] = { ...result, seconds };
    terminal.print(`${part}: ${result.status} in ${seconds.toFixed(1)} s`);
    for (const reason of result.reasons) terminal.print(`  ${reason.replaceAll('\n', '\n  ')}`);
    // After each part, so that what was found stays when the next one takes too long.
    const report = { format_version: 1, date: new Date().toISOString(), tfm: version(), node: process.versions.node };
    writeFileSync(path, `${JSON.stringify({ ...report, device: { kind: name, ...info }, parts: results }, null, 1)}\n`);
  }
  terminal.print(`written to ${path}`);
  return Object.values(results).some(({ status }) => status === 'failed') ? 1 : EXIT.ok;
}

async function infoOf(name: DeviceName): Promise<DeviceInfo> {
  const opened = await openDevice(name, { notify: terminal.tell });
  opened.close();
  return opened.info;
}

/** A part that ends with an error has failed; the others still run. */
async function resultOf(part: string, context: Parameters<(typeof PARTS)[string]['run']>[0]): Promise<PartResult> {
  try {
    return (await PARTS[part]?.run(context)) ?? { status: 'failed', reasons: ['there is no such part'], figures: {} };
  } catch (error) {
    return {
      status: 'failed',
      reasons: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      figures: {},
    };
  }
}

/** For names of files. */
function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

import { cpus, freemem, totalmem } from 'node:os';
import { basename } from 'node:path';
import { type CudaPart, inspectCuda } from '../../backends/cuda/inspect.ts';
import type { Device } from '../../backends/device.ts';
import { type DriverReport, inspectDrivers } from '../../backends/doctor.ts';
import { openWebGpu } from '../../backends/wgsl/device.ts';
import { EXIT } from '../../compiler/diagnostics/diagnostic.ts';
import { readableBytes } from '../../compiler/diagnostics/memory.ts';
import type { TargetLimits } from '../../compiler/ir/kernel.ts';
import { version } from '../../runtime/version.ts';
import type { CliCommand } from '../command.ts';
import { flag, text } from '../options.ts';
import { table } from '../table.ts';

export const doctor: CliCommand = {
  configure: (command) =>
    command
      .option('--adapter <name>', "part of the adapter's name; TFM_ADAPTER does the same")
      .option('--json', 'as JSON'),
  run: async (_, options, terminal) => {
    const adapter = text(options, 'adapter');
    const json = flag(options, 'json');
    const drivers = await inspectDrivers();
    const cuda = await inspectCuda();
    if (!json) {
      terminal.print(table([...machineRows(), ...driverRows(drivers), ...cudaRows(cuda)], 'll'));
      for (const line of [...drivers.advice, ...cudaAdvice(cuda)]) terminal.print(`\n${line}\n`);
    }
    const device = await openWebGpu({ ...(adapter === undefined ? {} : { adapter }), notify: terminal.tell });
    const advice = adviceFor(device);
    if (json) {
      const { info, limits } = device;
      const machine = Object.fromEntries(machineRows());
      terminal.print(JSON.stringify({ format_version: 1, machine, drivers, cuda, adapter: info, limits, advice }));
    } else {
      terminal.print(table([...adapterRows(device), ...limitRows(device.limits)], 'll'));
      for (const line of advice) terminal.print(`\n${line}`);
    }
    device.close();
    return EXIT.ok;
  },
};

type Row = readonly [string, string];

function machineRows(): readonly Row[] {
  return [
    ['tfm', version()],
    ['node', process.versions.node],
    ['system', `${process.platform} ${process.arch}`],
    ['processor', `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`],
    ['memory', `${readableBytes(totalmem())}, ${readableBytes(freemem())} free`],
  ];
}

function driverRows({ adapters, manifests, swiftshader }: DriverReport): readonly Row[] {
  return [
    ['adapters', adapters.join(', ') || 'none'],
    ...(process.platform === 'linux'
      ? [['Vulkan drivers', manifests.map((path) => basename(path, '.json')).join(', ') || 'none'] as const]
      : []),
    ['SwiftShader', swiftshader],
  ];
}

function cudaRows(parts: readonly CudaPart[]): readonly Row[] {
  return parts.map(({ name, purpose, path }) => [name, `${path ?? 'none'} (${purpose})`]);
}

/** Where the driver was looked for, when it is not there: all else of CUDA needs it. */
function cudaAdvice(parts: readonly CudaPart[]): readonly string[] {
  const driver = parts.find(({ name }) => name === 'libcuda');
  if (!driver || driver.path !== undefined) return [];
  const places = driver.tried.map((line) => line.split(': ')[0]).join(', ');
  return [`There is no NVIDIA driver, which is looked for as ${places}: --device cuda does not run here.`];
}

function adapterRows({ info }: Device): readonly Row[] {
  return [
    ['adapter', `${info.name}${info.software ? ' (software: runs on the processor)' : ''}`],
    ['vendor', info.vendor],
    ['driver', info.driver],
    ['features', info.features.join(', ') || 'none'],
  ];
}

/** What the compiler looks at. */
function limitRows(limits: TargetLimits): readonly Row[] {
  return [
    ['storage bindings', `${limits.storageBindings} in a kernel`],
    ['binding', `${readableBytes(limits.bindingBytes)} at most`],
    ['buffer', `${readableBytes(limits.bufferBytes)} at most`],
    ['device memory', Number.isFinite(limits.memoryBytes) ? readableBytes(limits.memoryBytes) : 'not told'],
    ['workgroup', `${limits.invocationsPerGroup} invocations, ${readableBytes(limits.sharedBytes)} shared`],
    ['workgroups', `${limits.groupsPerDimension} in a dimension`],
    ['subgroups', limits.subgroupSize > 0 ? `of ${limits.subgroupSize}` : 'not used'],
    ['matrix units', limits.matrixUnits > 0 ? `of ${limits.matrixUnits} multiprocessors` : 'none'],
  ];
}

function adviceFor({ info, limits }: Device): readonly string[] {
  const swiftshader = /swiftshader/i.test(`${info.name} ${info.driver}`);
  return [
    ...(info.software
      ? ['There is no GPU, or no driver for it: kernels run on the processor, which is right and slow.']
      : []),
    ...(swiftshader
      ? [
          "Mesa's lavapipe is about five times faster than SwiftShader: apt install mesa-vulkan-drivers (24 or newer; on " +
            'Debian 12: -t bookworm-backports).',
        ]
      : []),
    ...(limits.subgroupSize === 0 ? ['Subgroups are not used: the adapter lacks them, or their size varies.'] : []),
  ];
}

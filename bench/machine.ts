import { cpus } from 'node:os';
import { openWebGpu } from '../src/backends/wgsl/device.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly adapter: string;
  readonly driver: string;
  /** For names of files. */
  readonly slug: string;
}

export async function describeMachine(): Promise<Machine> {
  const device = await openWebGpu();
  const { name, driver } = device.info;
  device.close();
  const [cpu] = cpus();
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.versions.node,
    adapter: name,
    driver,
    slug,
  };
}

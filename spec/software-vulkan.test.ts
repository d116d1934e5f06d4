/** The software driver: its archive, its fetching, and that kernels run on it where nothing else is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTar } from '../src/backends/software-vulkan/read-tar.ts';
import { hasSoftwareDriver } from '../src/backends/software-vulkan/use-driver.ts';

/** One entry of a tar archive. */
function entry(name: string, content: string, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

test('an archive gives its regular files', () => {
  const long = 'x'.repeat(1500);
  const parts = [entry('folder/', '', '5'), entry('a.so', long), entry('link', '', '2'), entry('b.json', '{}')];
  const files = readTar(Buffer.concat([...parts, Buffer.alloc(1024)]));
  assert.equal([...files.keys()], ['a.so', 'b.json']);
  assert.is(Buffer.from(files.get('a.so') ?? []).toString(), long);
  assert.is(Buffer.from(files.get('b.json') ?? []).toString(), '{}');
});

test('an archive that is cut short is refused', () => {
  const archive = entry('a.so', 'x'.repeat(1500));
  assert.throws(() => readTar(archive.subarray(0, 1024)), /cut short/);
  assert.throws(() => readTar(Buffer.alloc(512, 'z')), /cut short/);
});

interface Child {
  readonly stdout: string;
  readonly stderr: string;
}

/** Opens a device in a process that sees no driver, runs a kernel there, and prints what came of it. */
function withoutDriver(env: Readonly<Record<string, string>>): Child {
  const script = `
    import { openWebGpu } from './src/backends/wgsl/device.ts';
    import { Failure } from './src/compiler/diagnostics/diagnostic.ts';
    import { f32 } from './src/compiler/ir/kernel-expr.ts';
    import { eachElement, runOnce, store } from './spec/support/tiny-plan.ts';
    try {
      const device = await openWebGpu();
      const kernel = eachElement('ones', 3, [{ name: 'out', type: 'f32', access: 'read_write' }], [store('out', f32(1))]);
      const got = [...new Float32Array(await runOnce(device, kernel, []))];
      console.log(JSON.stringify({ name: device.info.name, software: device.info.software, got }));
      device.close();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      console.log(JSON.stringify({ code: error.diagnostics[0].code, exit: error.exitCode, message: error.message }));
    }`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, TFM_ADAPTER: '', VK_DRIVER_FILES: '/nonexistent', ...env },
  });
  assert.is(child.status, 0, child.stderr);
  return child;
}

if (hasSoftwareDriver) {
  test('without a driver and without a network, one sentence says what to do', () => {
    const cache = mkdtempSync(join(tmpdir(), 'tfm-cache-'));
    const npm = { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' };
    const { stdout } = withoutDriver({ XDG_CACHE_HOME: cache, ...npm });
    const { code, exit, message } = JSON.parse(stdout);
    assert.is(code, 'software-driver-unavailable');
    assert.is(exit, 3);
    assert.match(message, 'ECONNREFUSED');
    assert.equal(readdirSync(join(cache, 'tfm')), [], 'nothing half fetched is left');
    rmSync(cache, { recursive: true });
  });

  test('without a driver, one is fetched once and runs kernels', () => {
    const cache = resolve('node_modules/.cache');
    const first = withoutDriver({ XDG_CACHE_HOME: cache });
    const result = JSON.parse(first.stdout);
    // Without a network there is nothing to run; what is said then is tested above.
    if (result.code === 'software-driver-unavailable') return;
    assert.match(result.name, /swiftshader/);
    assert.is(result.software, true);
    assert.equal(result.got, [1, 1, 1]);
    assert.match(first.stderr, 'SwiftShader');
    const second = withoutDriver({ XDG_CACHE_HOME: cache });
    assert.is(second.stdout, first.stdout);
    assert.not.match(second.stderr, 'fetching');
    assert.not.match(second.stderr, 'Warning');
  });
}

test.run();

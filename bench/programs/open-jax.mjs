// Opens jax-js in Node, on WebGPU or on WebAssembly with two threads.
import { resolveObjectURL } from 'node:buffer';
import { Worker } from 'node:worker_threads';
import { watchGpu } from '../../dist/bench/programs/watch-gpu.js';

/** The library, and what counts its launches where it has any. */
export async function openJax(backend) {
  const navigator = { userAgent: 'node', hardwareConcurrency: 2 };
  let counts;
  if (backend === 'webgpu') {
    const webgpu = await import('webgpu');
    Object.assign(globalThis, webgpu.globals);
    counts = watchGpu();
    navigator.gpu = webgpu.create([]);
  } else {
    // Its threads are Workers of browsers, made from the URL of a blob.
    globalThis.Worker = class {
      #waiting = [];
      #worker;
      constructor(url) {
        const head =
          "const { parentPort } = require('node:worker_threads'); globalThis.self = globalThis;" +
          'globalThis.postMessage = (data) => parentPort.postMessage(data);' +
          "parentPort.on('message', (data) => self.onmessage({ data }));\n";
        resolveObjectURL(String(url))
          .text()
          .then((text) => {
            this.#worker = new Worker(head + text, { eval: true });
            this.#worker.on('message', (data) => this.onmessage?.({ data }));
            this.#worker.on('error', ({ message }) => this.onerror?.({ message }));
            for (const message of this.#waiting) this.#worker.postMessage(message);
          });
      }
      postMessage(message) {
        if (this.#worker) this.#worker.postMessage(message);
        else this.#waiting.push(message);
      }
    };
  }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });

  const jax = await import('@jax-js/jax');
  if (!(await jax.init(backend)).includes(backend)) throw new Error(`jax-js has no ${backend} here`);
  jax.defaultDevice(backend);
  return { jax, counts };
}

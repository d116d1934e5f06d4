// Preloaded in rivals on WebGPU: makes them wait for a software adapter as tfm does.
import { pollPatiently } from '../../dist/src/backends/wgsl/poll-patiently.js';

pollPatiently();

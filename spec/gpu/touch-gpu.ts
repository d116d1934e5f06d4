/** A program that uses the GPU and does nothing: whether something that watches such programs can do so here. */
import { openDevice } from '../../src/backends/open-device.ts';

const device = await openDevice('cuda');
device.close();

// The doctor through a network of the bed: {measurements, diagnosis, faults}.

import { WebSocket } from 'ws';
import { Random } from '../faults/random.mjs';
import { Gateway } from '../networks/gateway.mjs';
import { Middlebox } from '../networks/middlebox.mjs';
import { expectations } from '../networks/networks.mjs';
import { real } from '../networks/real.mjs';
import { diagnose } from '../../web/doctor/diagnose.js';
import { examine } from '../../web/doctor/examine.js';
import { faults } from './expected.mjs';
import { nativeDoctor } from './native.mjs';

const doctors = {
  async javascript(url, times) {
    const measurements = await examine({ url, WebSocket, times });
    return { measurements, diagnosis: diagnose(measurements) };
  },
  native: nativeDoctor,
};

const kTries = 5;

// What a computer measured that could not keep up with itself says nothing about the network: then it is asked again.
export async function through(network, options) {
  for (let i = 1; ; ++i) {
    const result = await once(network, options);
    const isBusy = result.diagnosis.findings.some(({ id }) => id === 'busy');
    if (result.faults.length === 0 || !isBusy || i === kTries) return result;
  }
}

async function once(network, { doctor = 'javascript', cap, seed = 1 }) {
  const gateway = await Gateway.start();
  const before = network.real ? await real[network.real](gateway) : { target: gateway, via: null };
  const box = await Middlebox.start(before.target, network.behaviours, { random: new Random(seed), via: before.via });
  try {
    const { measurements, diagnosis } = await doctors[doctor](box.url, { cap, whole: 50000 });
    const wrong = faults(network, diagnosis, { cap, took: measurements.took, works: expectations(network).works });
    return { measurements, diagnosis, faults: wrong };
  } finally {
    await box.close();
    await before.stop?.();
    const end = await gateway.stop();
    if (end) throw new Error(end);
  }
}

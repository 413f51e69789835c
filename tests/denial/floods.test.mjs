// Eight connections send what is cheap to send and must be answered, as fast as they can, and read the answers.

import { test } from 'node:test';
import { kFloods } from './support/flood.mjs';
import { flooded } from './support/flooded.mjs';

for (const kind of Object.keys(kFloods)) test(`a flood of ${kind}`, () => flooded(kind));

// The JSON Schema of the protocol (docs/schema/), as tests use it: strictly, so that a field which the server says and the schema does not
// name is found.

import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';

const read = (name) => JSON.parse(readFileSync(new URL(`../../docs/schema/${name}`, import.meta.url), 'utf8'));

export const schema = read('sigway-v1.schema.json');
export const asyncApi = read('asyncapi.json');

// What the server says may have more fields, for a client. Here it may not.
function strict(value) {
  if (Array.isArray(value)) return value.map(strict);
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, its]) => [name, strict(its)]));
  return value.type === 'object' && value.properties ? { ...copy, additionalProperties: false } : copy;
}

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true });
ajv.addSchema(strict(schema));

/** Why `value` is not what the schema calls `name`, a name of `$defs`; null where it is. */
export function wrong(name, value) {
  const validate = ajv.getSchema(`${schema.$id}#/$defs/${name}`);
  if (validate(value)) return null;
  // Of a choice the errors of all branches are told; those of the branch that it was meant to be are enough.
  const kind = value?.type ?? value?.control;
  return `${JSON.stringify(value).slice(0, 300)} is no ${name}${kind ? ` (${kind})` : ''}: ${ajv.errorsText(validate.errors).slice(0, 600)}`;
}

/** The types of the events, and the names of the controls, that the schema has. */
export const kinds = (list) => schema.$defs[list].oneOf.flatMap(({ $ref }) => {
  const { type, control } = schema.$defs[$ref.split('/').at(-1)].properties;
  return (control ?? type).enum ?? [(control ?? type).const ?? 'a peer\'s'];
});

// The little language of the blocks marked `transcript`:
//
//   POST path json                       a request with that body; the next line that begins with a
//   STATUS pattern                       number is its answer, which may go on over indented lines
//   GET path                             likewise, without a body
//   WS path as name                      opens a WebSocket
//   name >> json                         sends a frame on it
//   name << pattern                      the next frame; pings are not shown
//   name closed CODE reason              the next thing is the end, with that code
//   SSE POST path json as name           opens an event stream
//   SSE GET path as name
//   name << control pattern              the next event named `control`, comments are not shown
//   name << ID pattern                   the next event, which has that id
//   N ms later                           nothing is said for so long
//
// In a pattern "…" is any value and "$NAME" is any value at first sight, the same from then on; an
// object may have more fields than its pattern; an array is compared element by element.

export class TranscriptError extends Error {}

// The blocks of a document: [{line, heading, steps: [{line, text}]}].
export function transcripts(markdown) {
  const blocks = [];
  let heading = '';
  let block = null;
  for (const [i, line] of markdown.split('\n').entries()) {
    if (block) {
      if (line.startsWith('```')) block = null;
      else if (/^\s/.test(line)) block.steps.at(-1).text += `\n${line.trim()}`;
      else if (line !== '') block.steps.push({ line: i + 1, text: line });
    } else if (line === '```transcript') {
      blocks.push(block = { line: i + 1, heading, steps: [] });
    } else if (line.startsWith('#')) {
      heading = line.replace(/^#+ */, '');
    }
  }
  return blocks;
}

const kForms = [
  ['exchange', /^(POST|GET) (\S+)(?: (.*))?$/s, ['method', 'path', 'json']],
  ['answer', /^(\d{3})(?: (.*))?$/s, ['status', 'json']],
  ['pause', /^(\d+) ms later$/, ['duration']],
  ['openSocket', /^WS (\S+) as (\w+)$/s, ['path', 'name']],
  ['openStream', /^SSE (POST|GET) (\S+)(?: (.*))? as (\w+)$/s, ['method', 'path', 'json', 'name']],
  ['send', /^(\w+) >> (.*)$/s, ['name', 'json']],
  ['control', /^(\w+) << control (.*)$/s, ['name', 'json']],
  ['event', /^(\w+) << (\d+) (.*)$/s, ['name', 'id', 'json']],
  ['frame', /^(\w+) << (.*)$/s, ['name', 'json']],
  ['closed', /^(\w+) closed (\d+) (\S+)$/s, ['name', 'code', 'reason']],
];

export function parseStep(text) {
  for (const [kind, form, names] of kForms) {
    const match = form.exec(text);
    if (match) return { kind, ...Object.fromEntries(names.map((name, i) => [name, match[i + 1]])) };
  }
  throw new TranscriptError(`not a step: ${text}`);
}

// Names that a transcript has bound, and what they stand for.
export class Bindings {
  #values = new Map();

  fill(text) {
    return text.replace(/\$([A-Z]+)/g, (whole, name) => {
      if (!this.#values.has(name)) throw new TranscriptError(`${whole} is not known yet`);
      return this.#values.get(name);
    });
  }

  match(pattern, value, where = 'the answer') {
    if (pattern === '…') {
      if (value === undefined) throw new TranscriptError(`${where} is missing`);
    } else if (typeof pattern === 'string' && /^\$[A-Z]+$/.test(pattern)) {
      this.#bind(pattern.slice(1), value, where);
    } else if (Array.isArray(pattern)) {
      if (!Array.isArray(value) || value.length !== pattern.length) {
        throw new TranscriptError(`${where} should have ${pattern.length} elements: ${JSON.stringify(value)}`);
      }
      pattern.forEach((element, i) => this.match(element, value[i], `${where}[${i}]`));
    } else if (typeof pattern === 'object' && pattern !== null) {
      if (typeof value !== 'object' || value === null) throw new TranscriptError(`${where} is no object: ${JSON.stringify(value)}`);
      for (const [name, inner] of Object.entries(pattern)) this.match(inner, value[name], `${where}.${name}`);
    } else if (pattern !== value) {
      throw new TranscriptError(`${where} is ${JSON.stringify(value)}, not ${JSON.stringify(pattern)}`);
    }
  }

  #bind(name, value, where) {
    if (typeof value !== 'string') throw new TranscriptError(`${where} is no string: ${JSON.stringify(value)}`);
    if (!this.#values.has(name)) this.#values.set(name, value);
    else if (this.#values.get(name) !== value) {
      throw new TranscriptError(`${where} is ${value}, and $${name} was ${this.#values.get(name)}`);
    }
  }
}

// How large the attacks are. A sanitizer makes the server ten times slower, and its memory says nothing about the real
// server's, so the loads are smaller there and nothing is asserted about resident memory.

export const isSanitized = process.env.SIGWAY_SANITIZED === '1';

// How long an attack lasts that goes on for a time.
export const kSeconds = Number(process.env.SIGWAY_DENIAL_SECONDS ?? (isSanitized ? 1 : 1.5));

// `count`, or what is left of it under a sanitizer.
export const scaled = (count) => (isSanitized ? Math.ceil(count / 8) : count);

export const MiB = 1 << 20;

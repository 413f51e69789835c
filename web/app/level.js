// How loud a microphone is, ten times a second. Needs a gesture of a person before, else the browser keeps the AudioContext asleep.

const kEvery = 100;                  // ms
const kQuietest = -60, kLoudest = -12;   // dB of full scale that are 0 and 1

export class Level {
  #context;
  #timer;

  // `show(value)` hears of it, from 0 to 1.
  constructor(track, show) {
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 2048;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(power || Number.MIN_VALUE);
      show(Math.min(1, Math.max(0, (decibels - kQuietest) / (kLoudest - kQuietest))));
    }, kEvery);
  }

  stop() {
    clearInterval(this.#timer);
    this.#context.close().catch(() => {});
  }
}

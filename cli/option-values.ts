// Parsers of single flags for the argument parser. Each gives a value or a sentence that says what is allowed.
import { InvalidArgumentError } from 'commander';
import type { BackendChoice } from '../learning/index.ts';

/** A whole number in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A number in a range; the ends are allowed unless `above` says that the lower one is not. */
export function numberBetween(
  min: number,
  max: number,
  options: { readonly above?: boolean } = {},
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const tooSmall = options.above === true ? value <= min : value < min;
    if (text.trim() === '' || !Number.isFinite(value) || tooSmall || value > max) {
      const from = options.above === true ? `above ${min} and up to ${max}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`Give a number ${from}.`);
    }
    return value;
  };
}

/** For flags that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `--listen` and `--announce`: what looks like no multiaddr is refused before anything is started. */
export function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^\/(ip4|ip6|dns|dns4|dns6|dnsaddr)\/[\x21-\x7e]+$/.test(text)) {
    throw new InvalidArgumentError('Give a multiaddr such as /ip4/0.0.0.0/tcp/4001.');
  }
  return [...before, text];
}

/** `auto`, `node`, `wasm` or `cpu`. */
export function backendChoice(text: string): BackendChoice {
  switch (text) {
    case 'auto':
    case 'node':
    case 'wasm':
    case 'cpu':
      return text;
    default:
      throw new InvalidArgumentError('Use auto, node, wasm or cpu.');
  }
}

// What `sim --list` shows: presets and attackers, each with its story.
import { ATTACKERS, PRESETS } from '../../sim/index.ts';

const WIDTH = 100;

/** Presets and attackers with their stories, as lines. */
export function listLines(): readonly string[] {
  return [
    'Presets:',
    ...PRESETS.flatMap(({ name, story, peers, generations }) =>
      entry(name, `${story} (${peers} peers, ${generations} generations)`),
    ),
    '',
    'Attackers, for the `attackers` of a scenario file:',
    ...[...ATTACKERS.values()].flatMap(({ name, about }) => entry(name, about)),
  ];
}

/** For programs. */
export function listObject(): object {
  return {
    presets: PRESETS.map(({ name, story, peers, generations }) => ({ name, story, peers, generations })),
    attackers: [...ATTACKERS.values()].map(({ name, about }) => ({ name, about })),
  };
}

function entry(name: string, text: string): string[] {
  const indent = ' '.repeat(22);
  const lines: string[] = [];
  let line = `  ${name}`.padEnd(22);
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

// Faults that last less long, begin at once or at a whole second.
import type { Fault, Scenario } from '../scenario.ts';

/** The scenario with one fault shorter or plainer, for each fault and way. */
export function shorterFaults(scenario: Scenario): Scenario[] {
  return scenario.faults.flatMap((fault, index) =>
    shorter(fault)
      .filter((each) => JSON.stringify(each) !== JSON.stringify(fault))
      .map((each) => ({
        ...scenario,
        faults: scenario.faults.map((other, i) => (i === index ? each : other)),
      })),
  );
}

function shorter(fault: Fault): Fault[] {
  switch (fault.kind) {
    case 'cut':
    case 'churn':
    case 'offline': {
      const { fromMs, untilMs } = fault;
      return [
        { ...fault, untilMs: halfway(fromMs, untilMs) },
        { ...fault, fromMs: 0, untilMs: untilMs - fromMs },
        { ...fault, fromMs: wholeSeconds(fromMs), untilMs: wholeSeconds(untilMs) },
      ];
    }
    case 'kill': {
      const { atMs, restartMs } = fault;
      if (restartMs === undefined) return [];
      return [
        { ...fault, restartMs: atMs + 1 },
        { ...fault, restartMs: halfway(atMs, restartMs) },
        { ...fault, atMs: wholeSeconds(atMs), restartMs: wholeSeconds(atMs) + (restartMs - atMs) },
      ];
    }
    case 'damage': {
      const { atMs, restartMs } = fault;
      return [
        { ...fault, restartMs: atMs + 1 },
        { ...fault, atMs: wholeSeconds(atMs), restartMs: wholeSeconds(atMs) + (restartMs - atMs) },
      ];
    }
    case 'join':
      return [{ ...fault, atMs: wholeSeconds(fault.atMs) }];
    case 'crash-at-write':
      return [{ ...fault, restartMs: 1 }];
    default:
      return [];
  }
}

const wholeSeconds = (timeMs: number): number => 1_000 * Math.round(timeMs / 1_000);

function halfway(fromMs: number, untilMs: number): number {
  return untilMs - fromMs <= 1 ? untilMs : Math.ceil((fromMs + untilMs) / 2);
}

// `meldmesh sim`: one world from its scenario to its last line.
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Scenario } from '../../sim/index.ts';
import { onInterrupt } from '../interrupts.ts';
import { openTerminal, type Terminal } from '../terminal.ts';
import { openSimulation } from './host.ts';
import type { SimOptions } from './options.ts';
import type { SimOutcome } from './outcome.ts';
import { Progress } from './progress.ts';
import { recordDeltas, refuseLongRecording } from './recordings.ts';
import { replayCommand } from './replay-command.ts';
import { makeSimReport } from './report.ts';
import { Sampler } from './samples.ts';
import { readScenario } from './scenario.ts';
import { agreementSentence, closingLines, resultTable, violationLines } from './summary.ts';

const STATUS_INTERRUPTED = 130;

/**
 * The exit status: 0 where all honest peers agree, 1 where a checker was violated or they do not, 130 after Ctrl-C.
 * @throws CliError, SimError, DataError or LearningError
 */
export async function runSim(source: string, options: SimOptions): Promise<number> {
  const terminal = openTerminal({ json: options.json });
  const scenario = readScenario(source, options);
  const replay = replayCommand(source, options, scenario.seed);
  const delay = monitorEventLoopDelay();
  delay.enable();
  const { record, threads = availableParallelism() } = options;
  const outcome = await simulate(scenario, { terminal, threads, record });
  const { result, interrupted } = outcome;
  tell(terminal, outcome, replay);
  if (record !== undefined) terminal.say(`The deltas are in ${record}.`);
  if (options.report !== undefined) {
    const { writePage } = await import('./page/page.ts');
    await writePage(options.report, { outcome, replay });
    terminal.say(`The report is in ${options.report}.`);
  }
  if (options.json) {
    const use = {
      rssPeakMiB: process.resourceUsage().maxRSS / 1_024,
      eventLoopDelayP99Ms: delay.percentile(99) / 1e6,
    };
    terminal.result(JSON.stringify(makeSimReport({ ...outcome, use })));
  }
  if (interrupted) return STATUS_INTERRUPTED;
  return result.violation === undefined && result.agreed ? 0 : 1;
}

async function simulate(
  scenario: Scenario,
  options: { readonly terminal: Terminal; readonly threads: number; readonly record: string | undefined },
): Promise<SimOutcome> {
  const { terminal, threads, record } = options;
  const progress = new Progress(terminal, scenario);
  const sampler = new Sampler();
  let interrupted = false;
  const stopListening = onInterrupt(
    () => {
      interrupted = true;
    },
    () => process.exit(STATUS_INTERRUPTED),
  );
  // Not before Ctrl-C is heard: who reads this may press it.
  if (scenario.story !== undefined) terminal.say(`${scenario.name}: ${scenario.story}`);
  const { simulation, backend, close } = await openSimulation(scenario, {
    threads,
    isStopped: () => interrupted,
    progress: async (at) => {
      sampler.take(simulation);
      await progress.tell(at, simulation.quietFromMs);
    },
  });
  try {
    if (record !== undefined) refuseLongRecording(simulation);
    const result = await simulation.run();
    if (record !== undefined) recordDeltas(simulation, record);
    const { codec } = simulation.manifest;
    const absences = sampler.absencesUntil(1_000 * result.virtualSeconds);
    return { result, samples: sampler.samples, absences, backend, codec, interrupted };
  } finally {
    progress.close();
    stopListening();
    await close();
  }
}

function tell(terminal: Terminal, { result, interrupted }: SimOutcome, replay: string): void {
  terminal.say(resultTable(result));
  if (interrupted) terminal.say('Stopped by Ctrl-C; this is what there was so far.');
  terminal.say(agreementSentence(result));
  for (const line of closingLines(result)) terminal.say(line);
  if (result.violation === undefined) terminal.say(`Replay: ${replay}`);
  else for (const line of violationLines(result.violation, replay)) terminal.say(line);
}

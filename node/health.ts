// What the process says of itself: its peak memory and how late its event loop runs.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The histogram samples this often, so delays are known to about this much. */
const RESOLUTION_MS = 10;

export interface Health {
  rssPeakMiB(): number;
  /** How late timers ran, 99th percentile since the start; the sampling interval itself is taken off. */
  eventLoopDelayP99Ms(): number;
  stop(): void;
}

export function watchHealth(): Health {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    rssPeakMiB: () => process.resourceUsage().maxRSS / 1024,
    eventLoopDelayP99Ms: () => Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS),
    stop: () => histogram.disable(),
  };
}

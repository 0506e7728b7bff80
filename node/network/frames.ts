// One length-prefixed frame each way over a libp2p stream, and an orderly end. Does not know what is in a frame.
import type { Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { FRAME_BUFFER_BYTES_MAX, FRAME_BYTES_MAX, STREAM_LINGER_MS } from './constants.ts';

export interface FrameStream {
  /** A copy of its own, so that keeping a part of it does not keep the packet. */
  read(signal: AbortSignal): Promise<Uint8Array>;
  /** Writes one frame made of these parts and closes our side. */
  writeLast(parts: readonly Uint8Array[], signal: AbortSignal): Promise<void>;
}

export function frameStream(stream: Stream, bytesMax = FRAME_BYTES_MAX): FrameStream {
  stream.maxWriteBufferLength = FRAME_BUFFER_BYTES_MAX;
  const frames = lpStream(stream, { maxDataLength: bytesMax, maxBufferSize: FRAME_BUFFER_BYTES_MAX });
  return {
    async read(signal) {
      return (await frames.read({ signal })).slice();
    },
    async writeLast(parts, signal) {
      await frames.write(joined(parts), { signal });
      await stream.close({ signal });
    },
  };
}

/** True for a failure that only the sender of an oversized or malformed frame can cause. */
export function isFrameFault(error: unknown): boolean {
  return (
    error instanceof Error && /^Invalid(DataLength|MessageLength)/.test(error.name + error.constructor.name)
  );
}

/** Nothing more is wanted of the stream: let the other side close, but not for ever. */
export function finish(stream: Stream): void {
  if (stream.status !== 'open' && stream.status !== 'closing') return;
  const timer = setTimeout(() => stream.abort(new Error('the other side did not close')), STREAM_LINGER_MS);
  timer.unref();
  stream.addEventListener('close', () => clearTimeout(timer), { once: true });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}

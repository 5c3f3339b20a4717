import type { Codec, CodecCapabilities } from '../../core/codec.ts'

/** One thing that every codec must do, free of any test runner. */
export interface CodecBehaviour {
  readonly name: string
  /** The capability without which it does not apply. */
  readonly needs?: keyof CodecCapabilities
  /** Throws (an AssertionError) when the codec does otherwise. May be called any number of times. */
  readonly run: (codec: Codec) => void | Promise<void>
}

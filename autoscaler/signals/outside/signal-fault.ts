/** Why a signal has no value, as the end of a sentence. */
export class SignalFault extends Error {
  override readonly name = 'SignalFault';
}

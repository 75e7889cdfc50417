/**
 * Up to here bytes are written as text together with the head: one write, and no buffer of their own. Node writes text of
 * up to 16 KB from the stack.
 */
export const TEXT_BYTES = 12_288;

import { IS_TOKEN_CHAR } from '../head/characters.ts';

/** Where in `*( ";" name [ "=" ( token / quoted-string ) ] )` the next byte stands (RFC 9112, section 7.1.1). */
export type ExtensionPart = 'nameStart' | 'name' | 'valueStart' | 'value' | 'quoted' | 'escaped' | 'afterQuoted';

/**
 * Follows the extensions of one chunk. No white space between the parts, which the grammar calls bad; in quotes only visible
 * ASCII, space and tab.
 * @returns where the byte after this one stands; `end`: this is the CR that ends them; undefined: malformed
 */
export function nextExtensionPart(part: ExtensionPart, byte: number): ExtensionPart | 'end' | undefined {
  const token = IS_TOKEN_CHAR[byte] === 1;
  const ends = byte === 13 ? 'end' : byte === 59 ? 'nameStart' : undefined;
  switch (part) {
    case 'nameStart':
      return token ? 'name' : undefined;
    case 'name':
      return token ? 'name' : byte === 61 ? 'valueStart' : ends;
    case 'valueStart':
      return token ? 'value' : byte === 34 ? 'quoted' : undefined;
    case 'value':
      return token ? 'value' : ends;
    case 'quoted':
      if (byte === 34) return 'afterQuoted';
      if (byte === 92) return 'escaped';
      return isQuotable(byte) ? 'quoted' : undefined;
    case 'escaped':
      return isQuotable(byte) ? 'quoted' : undefined;
    case 'afterQuoted':
      return ends;
  }
}

function isQuotable(byte: number): boolean {
  return byte === 9 || (byte >= 32 && byte < 127);
}

import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

/** A certificate and its private key, both PEM. */
export interface KeyedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** From when until when a certificate holds; epoch milliseconds. */
export interface CertificateLife {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const SERIAL_BYTES = 16;

/** A new certificate authority of its own, ECDSA P-256, that may sign servers' certificates and nothing else. */
export function createAuthority(commonName: string, life: CertificateLife): KeyedCertificate {
  const { publicKey, key } = newKey();
  const subject = nameOf(commonName);
  const keyId = keyIdentifier(publicKey);
  const cert = signed(
    { subject, issuer: subject, life, publicKey },
    [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), true),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId), false),
    ],
    key,
  );
  return { cert, key };
}

/** A server's certificate with these DNS names, signed by the authority. */
export function issueServerCertificate(
  authority: KeyedCertificate,
  dnsNames: readonly string[],
  life: CertificateLife,
): KeyedCertificate {
  const { publicKey, key } = newKey();
  const signer = AsnConvert.parse(new X509Certificate(authority.cert).raw, Certificate);
  const signerKey = createPublicKey(authority.cert).export({ type: 'spki', format: 'der' });
  const cert = signed(
    { subject: nameOf(dnsNames[0] ?? ''), issuer: signer.tbsCertificate.subject, life, publicKey },
    [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth]), false),
      extension(
        id_ce_subjectAltName,
        new SubjectAlternativeName(dnsNames.map((dNSName) => new GeneralName({ dNSName }))),
        false,
      ),
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authorityKeyIdentifier(signer, signerKey)) }),
        false,
      ),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(publicKey)), false),
    ],
    authority.key,
  );
  return { cert, key };
}

/** The certificates of a PEM text, one by one; texts that are no certificate are left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

interface ToSign {
  readonly subject: Name;
  readonly issuer: Name;
  readonly life: CertificateLife;
  readonly publicKey: Buffer;
}

function signed({ subject, issuer, life, publicKey }: ToSign, extensions: Extension[], signerKey: string): string {
  const signature = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature,
    issuer,
    validity: new Validity({ notBefore: new Date(life.notBeforeMs), notAfter: new Date(life.notAfterMs) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  });
  const signatureValue = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), signerKey);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: signature,
    signatureValue: exact(signatureValue),
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString();
}

function newKey(): { publicKey: Buffer; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extension(extnID: string, value: object, critical: boolean): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** RFC 5280, 4.1.2.2: a positive number of at most 20 bytes. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return exact(bytes);
}

/** RFC 7093, method 1: the first 160 bits of SHA-256 over the public key. */
function keyIdentifier(publicKey: Buffer): ArrayBuffer {
  const { subjectPublicKey } = AsnConvert.parse(publicKey, SubjectPublicKeyInfo);
  return exact(createHash('sha256').update(Buffer.from(subjectPublicKey)).digest().subarray(0, 20));
}

function authorityKeyIdentifier(authority: Certificate, publicKey: Buffer): ArrayBuffer {
  const own = authority.tbsCertificate.extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  if (own === undefined) return keyIdentifier(publicKey);
  return AsnConvert.parse(own.extnValue.buffer, SubjectKeyIdentifier).buffer;
}

/** The bytes of a Buffer in an ArrayBuffer of their own. */
function exact(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

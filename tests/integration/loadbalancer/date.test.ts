import { expect } from 'chai';
import { HttpDate } from '../../../loadbalancer/http1/http-date.ts';
import { answering, talk, usePlane } from './support.ts';

const DATE = /\r\ndate: ([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)\r\n/gi;
const dates = (answer: string): string[] => [...answer.matchAll(DATE)].map(([, date = '']) => date);
const ask = (host: string): string[] => [`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`];

// RFC 9110, section 6.6.1.
describe('Date', () => {
  const { setup, serve } = usePlane();
  const isNow = (answer: string): void => {
    const [date = ''] = dates(answer);
    expect(dates(answer), answer).to.have.length(1);
    expect(Math.abs(Date.parse(date) - Date.now())).to.be.lessThan(10_000);
  };

  it('Given a request that is refused, Then the answer has the time', async () => {
    isNow(await talk(setup().port, ask('none')));
    isNow(await talk(setup().port, ['GET /\r\n\r\n']));
  });

  it('Given an answer of a pod without Date, Then the time at which it came is added', async () => {
    await serve(answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    isNow(await talk(setup().port, ask('app')));
  });

  it('Given an answer of a pod with Date, Then that one is kept', async () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
    await serve(answering(`HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Length: 0\r\n\r\n`));
    expect(dates(await talk(setup().port, ask('app')))).to.deep.equal([date]);
  });

  it('Given an interim answer, Then no date is added to it', async () => {
    await serve(answering('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const answer = await talk(setup().port, ask('app'));
    expect(answer).to.match(/^HTTP\/1\.1 103 Early Hints\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    isNow(answer);
  });

  it('Given a second that goes by, Then the text is made anew, and only then', () => {
    let wallMs = Date.UTC(1994, 10, 6, 8, 49, 37);
    const date = new HttpDate({ wallMs: () => wallMs });
    expect(date.line()).to.equal('date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
    wallMs += 999;
    expect(date.line()).to.equal('date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
    wallMs += 1;
    expect(date.line()).to.equal('date: Sun, 06 Nov 1994 08:49:38 GMT\r\n');
    wallMs -= 1000;
    expect(date.line()).to.equal('date: Sun, 06 Nov 1994 08:49:37 GMT\r\n');
  });
});

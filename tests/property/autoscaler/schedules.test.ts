import { expect } from 'chai';
import fc from 'fast-check';
import { readSchedule } from '../../../autoscaler/domain/schedules/schedule.ts';

const at = (text: string): number => Date.parse(text);
const office = { from: '0 8 * * 1-5', to: '0 18 * * 1-5', timeZone: 'Europe/Berlin' };

describe('Schedules', () => {
  const cases: [string, Parameters<typeof readSchedule>[0], string, boolean, string][] = [
    ['the moment it begins', office, '2026-11-25T07:00:00Z', true, '2026-11-25T17:00:00.000Z'],
    ['just before', office, '2026-11-25T06:59:59.999Z', false, '2026-11-25T07:00:00.000Z'],
    ['the moment it ends', office, '2026-11-25T17:00:00Z', false, '2026-11-26T07:00:00.000Z'],
    ['a weekend', office, '2026-11-28T12:00:00Z', false, '2026-11-30T07:00:00.000Z'],
    ['summer time', office, '2026-07-01T06:00:00Z', true, '2026-07-01T16:00:00.000Z'],
    [
      'a beginning in the hour that spring leaves out: the first moment after it',
      { from: '30 2 * * *', to: '0 12 * * *', timeZone: 'Europe/Berlin' },
      '2026-03-29T00:59:59Z',
      false,
      '2026-03-29T01:00:00.000Z',
    ],
    [
      'a beginning in the hour that autumn has twice: its first time',
      { from: '30 2 * * *', to: '0 12 * * *', timeZone: 'Europe/Berlin' },
      '2026-10-25T00:30:00Z',
      true,
      '2026-10-25T11:00:00.000Z',
    ],
    [
      'a leap day',
      { from: '0 0 29 2 *', to: '0 0 1 3 *', timeZone: 'UTC' },
      '2026-11-25T00:00:00Z',
      false,
      '2028-02-29T00:00:00.000Z',
    ],
    ['more ends than beginnings', { from: '0 8 * * 1', to: '0 18 * * *', timeZone: 'UTC' }, '2026-11-24T09:00:00Z', false, '2026-11-30T08:00:00.000Z'],
    ['one moment for both', { from: '0 0 * * *', to: '0 0 * * *', timeZone: 'UTC' }, '2026-11-25T12:00:00Z', true, '2026-11-26T00:00:00.000Z'],
  ]; // prettier-ignore
  for (const [title, schedule, now, isActive, changesAt] of cases) {
    it(`Given ${title}, Then it is ${isActive ? 'active' : 'not active'}, and it is known until when`, () => {
      const state = readSchedule(schedule).at(at(now));
      expect(state).to.deep.equal({ isActive, changesAtMs: at(changesAt) });
    });
  }

  it('Given any moments in any order, also backwards, Then what was looked at before changes nothing', () => {
    const moment = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') });
    const property = fc.property(fc.array(moment, { minLength: 1, maxLength: 30 }), (moments) => {
      const calendar = readSchedule(office);
      for (const wallMs of moments) {
        expect(calendar.at(wallMs).isActive).to.equal(readSchedule(office).at(wallMs).isActive);
      }
    });
    fc.assert(property, { seed: 3, numRuns: 50 });
  });

  it('Given a year minute by minute, Then it is active for as long as the days of a plain calendar say', () => {
    const calendar = readSchedule(office);
    let minutes = 0;
    let expected = 0;
    const local = new Intl.DateTimeFormat('en-GB', {
      timeZone: office.timeZone,
      weekday: 'short',
      hour: '2-digit',
      hourCycle: 'h23',
    });
    for (let wallMs = at('2026-01-01T00:00:00Z'); wallMs < at('2027-01-01T00:00:00Z'); wallMs += 15 * 60_000) {
      const parts = Object.fromEntries(local.formatToParts(wallMs).map(({ type, value }) => [type, value]));
      const hour = Number(parts['hour']);
      if (!['Sat', 'Sun'].includes(parts['weekday'] ?? '') && hour >= 8 && hour < 18) expected += 15;
      if (calendar.at(wallMs).isActive) minutes += 15;
    }
    expect(minutes).to.equal(expected);
  });

  const refused: [string, Partial<typeof office>, RegExp][] = [
    ['a pattern of nonsense', { from: 'often' }, /^from "often" in time zone Europe\/Berlin cannot be read: /],
    ['seconds', { to: '* * * * * *' }, /^to "\* \* \* \* \* \*".*cannot be read: /],
    ['a zone that there is not', { timeZone: 'Mars/Olympus' }, /Mars\/Olympus/],
    ['a day that never comes', { from: '0 0 30 2 *' }, /^from "0 0 30 2 \*" never comes/],
  ];
  for (const [title, over, sentence] of refused) {
    it(`Given ${title}, Then it is refused in a sentence`, () => {
      expect(() => readSchedule({ ...office, ...over })).to.throw(RangeError, sentence);
    });
  }
});

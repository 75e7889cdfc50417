import { expect } from 'chai';
import { HoldBudget, HoldQueue, HoldTicket } from '../../../loadbalancer/domain/hold-queue.ts';

class Ticket extends HoldTicket {
  constructor(arrivalNumber: number) {
    super();
    this.arrivalNumber = arrivalNumber;
  }
  onGranted(): void {}
  onRefused(): void {}
}

const BOUNDS = { maxRequests: 10, maxBytes: 10, holdMs: 1 };
const orderOf = (queue: HoldQueue): number[] => {
  const numbers: number[] = [];
  for (let ticket = queue.head; ticket !== undefined; ticket = ticket.after) numbers.push(ticket.arrivalNumber);
  return numbers;
};

describe('HoldQueue', () => {
  it('Given requests that are put back in any order, Then they stand in order of arrival', () => {
    const queue = new HoldQueue(new HoldBudget(100));
    queue.append(new Ticket(5), 0, BOUNDS);
    queue.append(new Ticket(9), 0, BOUNDS);
    const [one, seven, eight] = [new Ticket(1), new Ticket(7), new Ticket(8)];
    for (const ticket of [eight, one, seven]) queue.restore(ticket, 0);
    expect(orderOf(queue)).to.deep.equal([1, 5, 7, 8, 9]);
    queue.remove(seven);
    queue.restore(new Ticket(6), 0);
    queue.remove(one);
    queue.restore(new Ticket(2), 0);
    expect(orderOf(queue)).to.deep.equal([2, 5, 6, 8, 9]);
    for (let ticket = queue.head; ticket !== undefined; ticket = queue.head) queue.remove(ticket);
    queue.restore(new Ticket(3), 0);
    expect(orderOf(queue)).to.deep.equal([3]);
  });

  it('Given 200,000 requests of a pod that goes, Then putting them back takes no time that grows with the square', () => {
    const queue = new HoldQueue(new HoldBudget(100));
    const beganMs = performance.now();
    for (let number = 0; number < 200_000; number += 1) queue.restore(new Ticket(number), 0);
    // It takes about 20 ms; one that walks from the head takes most of a minute.
    expect(performance.now() - beganMs).to.be.below(3_000);
    expect(queue.length).to.equal(200_000);
  });
});

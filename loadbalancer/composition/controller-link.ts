import type { Announcement } from '../../shared/contracts/announcement.ts';
import { ProgramCredentials } from '../../shared/runtime/program-credentials.ts';
import { ControllerClient } from '../report/controller-client.ts';
import { TrafficReporter } from '../report/traffic-reporter.ts';
import type { Foundation } from './foundation.ts';
import type { Routing } from './routing.ts';

/** Reports to the controller, and its announcements back. */
export interface ControllerLink {
  readonly controller: ControllerClient;
  readonly reporter: TrafficReporter;
}

/** Builds the line to the controller, and lets the directory tell it what must not wait. */
export function buildControllerLink(
  { settings, logger, clock, random }: Foundation,
  { watch, announcements, directory }: Routing,
): ControllerLink {
  const onAnnouncement = (announcement: Announcement): void => {
    const pod = watch.pods.objects.get(`${announcement.namespace}/${announcement.podName}`);
    const key = pod === undefined ? undefined : watch.ownerOf(pod);
    const application = key === undefined ? undefined : directory.get(key);
    if (pod === undefined || application === undefined || pod.metadata.uid !== announcement.podUid) return;
    if (announcements.announce(pod, announcement, clock.monotonicMs())) directory.refreshPods(application);
  };
  const credentials = new ProgramCredentials(settings, { maxSockets: 4 });
  const controller = new ControllerClient(settings.controllerUrl, { logger, random, credentials, onAnnouncement });
  const reporter = new TrafficReporter({
    directory,
    self: { podName: settings.podName, podUid: settings.podUid },
    send: (report) => controller.report(report),
    clock,
  });
  directory.subscribe({
    // The first one is news; the others are in the next report.
    onHeld: ({ key, queue }) => {
      if (queue.queued === 1) reporter.urgent(key);
    },
    onIdle: ({ key, drain }) => {
      if (drain !== undefined) reporter.urgent(key);
    },
    onUpdated: ({ key, drain }) => {
      if (drain !== undefined) reporter.urgent(key);
    },
  });
  return { controller, reporter };
}

import type { ApplicationSnapshot } from '../../shared/kubernetes/application-watch.ts';
import type { Phase } from '../../shared/model/lifecycle.ts';
import type { AutomatonEffect } from '../domain/automaton/definition.ts';
import type {
  AuditRecord,
  ColdStartRecord,
  DecisionRecord,
  ScalingEventRecord,
  UsageRecord,
} from '../domain/records.ts';

/** The Autoscaler that an event is about. */
export type EventApplication = Pick<ApplicationSnapshot, 'key' | 'metadata'>;

/** Something that happened, told once to every sink. A closed union: a sink decides for each kind what it does with it. */
export type DomainEvent =
  /** `spec.replicas` changed, whoever wrote it. `woken`: from 0, and not by this controller. */
  | {
      readonly kind: 'ReplicasChanged';
      readonly application: EventApplication;
      readonly record: ScalingEventRecord;
      readonly woken: boolean;
    }
  /** A write of ours to `spec.replicas` was accepted. */
  | {
      readonly kind: 'Scaled';
      readonly application: EventApplication;
      readonly from: number;
      readonly to: number;
      readonly reason: string;
      readonly message: string;
    }
  | {
      readonly kind: 'PhaseChanged';
      readonly application: EventApplication;
      readonly from: Phase | undefined;
      readonly to: Phase | undefined;
      readonly reason: string;
      readonly message: string;
    }
  /** A decision was made. `changed`: it is another one than before, not a repetition for the record. */
  | { readonly kind: 'Decided'; readonly record: DecisionRecord; readonly changed: boolean }
  /** An automaton went from one state to another, and that is stored. */
  | {
      readonly kind: 'AutomatonMoved';
      readonly application: EventApplication;
      readonly from: string;
      readonly to: string;
      readonly trigger: string;
      readonly message: string;
    }
  /** What is to be done since an automaton entered a state. Told at least once; `key` is the same each time. */
  | {
      readonly kind: 'AutomatonEffect';
      readonly application: EventApplication;
      readonly key: string;
      readonly state: string;
      readonly effect: AutomatonEffect;
      readonly message: string;
    }
  | { readonly kind: 'ColdStartEnded'; readonly record: ColdStartRecord }
  | { readonly kind: 'UsageMeasured'; readonly record: UsageRecord }
  | { readonly kind: 'Audited'; readonly record: AuditRecord }
  /** Something that a person should look at. */
  | {
      readonly kind: 'Warned';
      readonly application: EventApplication;
      readonly reason: WarningReason;
      readonly message: string;
    };

/** Why somebody should look at an application. */
export type WarningReason =
  | 'ScaleFailed'
  | 'StartRetried'
  | 'OtherWriter'
  | 'OtherScaler'
  | 'InvalidSpec'
  | 'InvalidRules'
  | 'TargetClaimed'
  | 'RouteClaimed'
  | 'HostClaimed';

/** Takes part in what happens. It must return at once and keeps what it cannot handle now within a bound of its own. */
export interface EventSink {
  accept(event: DomainEvent): void;
}

/** Tells every sink what happened. */
export type Publish = (event: DomainEvent) => void;

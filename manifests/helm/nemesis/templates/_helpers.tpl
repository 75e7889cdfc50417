{{- define "nemesis.labels" -}}
app.kubernetes.io/name: nemesis
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "nemesis.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- /*
Whether the history is on a claim. Where it is not said, an installation that has the claim keeps it: an upgrade never
moves the history to another place.
*/ -}}
{{- define "nemesis.persistent" -}}
{{- if kindIs "bool" .Values.history.persistent }}
{{- .Values.history.persistent }}
{{- else if .Values.history.databaseUrlSecret }}
{{- false }}
{{- else }}
{{- not (empty (lookup "v1" "PersistentVolumeClaim" .Release.Namespace "nemesis-history")) }}
{{- end }}
{{- end }}

{{- /* Whether the API server asks the webhook: its configurations belong to the whole cluster. */ -}}
{{- define "nemesis.webhook" -}}
{{- if not .Values.watchNamespace }}true{{ end }}
{{- end }}

{{- /* Whether it puts sidecars into pods. */ -}}
{{- define "nemesis.injection" -}}
{{- if and .Values.injection (not .Values.watchNamespace) }}true{{ end }}
{{- end }}

{{- define "nemesis.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "nemesis.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "nemesis.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The settings that both programs have. */ -}}
{{- define "nemesis.env" -}}
- name: NEMESIS_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: NEMESIS_POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: NEMESIS_SYSTEM_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NEMESIS_BIND_ADDRESS
  value: 0.0.0.0
{{- with .Values.watchNamespace }}
- name: NEMESIS_WATCH_NAMESPACE
  value: {{ . }}
{{- end }}
{{- end }}

{{- define "nemesis.probes" -}}
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 2
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  initialDelaySeconds: 15
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}

{{- define "nemesis.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        app.kubernetes.io/name: nemesis
        app.kubernetes.io/component: {{ . }}
{{- end }}

{{- /* Roles in one namespace, or in the whole cluster: what a document and a roleRef say about it. */ -}}
{{- define "nemesis.scope" -}}
{{ if .Values.watchNamespace }}Role{{ else }}ClusterRole{{ end }}
{{- end }}

{{- /* A binding. Arguments: root, kind of the role, name, namespace of the binding ("" for the cluster), account, annotations. */ -}}
{{- define "nemesis.binding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ index . 1 }}Binding
metadata:
  name: {{ index . 2 }}
  {{- with index . 3 }}
  namespace: {{ . }}
  {{- end }}
  labels: {{ include "nemesis.labels" $root | nindent 4 }}
  {{- with index . 5 }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 1 }}
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ index . 4 }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{- define "nemesis.uninstallHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

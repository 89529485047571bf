{{- define "lizenztool.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "lizenztool.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lizenztool.labels" -}}
{{ include "lizenztool.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "lizenztool.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{/* The restricted profile of the Pod Security Standards. */}}
{{- define "lizenztool.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What every container of ours has. Call with (dict "root" $ "role" "web"). */}}
{{- define "lizenztool.container" -}}
image: {{ include "lizenztool.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
env:
  - name: LIZENZTOOL_ROLE
    value: {{ .role }}
  - name: LIZENZTOOL_HOST
    value: 0.0.0.0
  - name: LIZENZTOOL_PORT
    value: "8501"
  {{- with .backups }}
  - name: LIZENZTOOL_BACKUP_DIR
    value: {{ . }}
  {{- end }}
  {{- with .root.Values.networkPolicy.proxyNetworks }}
  - name: LIZENZTOOL_PROXY
    value: {{ join "," . | quote }}
  {{- end }}
  {{- if .root.Values.ingress.enabled }}
  - name: LIZENZTOOL_ALLOWED_HOSTS
    value: {{ .root.Values.ingress.host | quote }}
  {{- end }}
  {{- range $name, $value := .root.Values.env }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
{{- end }}

{{- define "lizenztool.mounts" -}}
- {name: settings, mountPath: /app/.env, subPath: {{ .Values.settings.key }}, readOnly: true}
- {name: profiles, mountPath: /app/profiles, readOnly: true}
- {name: certs, mountPath: /app/certs, readOnly: true}
- {name: data, mountPath: /app/data}
- {name: logs, mountPath: /app/logs}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "lizenztool.volumes" -}}
- name: settings
  secret:
    secretName: {{ .Values.settings.secretName }}
    defaultMode: 0440
- name: profiles
  {{- toYaml .Values.profiles.volume | nindent 2 }}
- name: certs
  {{- toYaml .Values.certs.volume | nindent 2 }}
{{- range list "data" "logs" "tmp" }}
- name: {{ . }}
  emptyDir:
    sizeLimit: 1Gi
{{- end }}
{{- end }}

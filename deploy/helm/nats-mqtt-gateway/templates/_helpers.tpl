{{- define "gateway.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) }}
{{- $name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gateway.secret" -}}
{{ .Values.existingSecret | default (include "gateway.name" .) }}
{{- end }}

{{/* What the chart sets, and over it what the user does. */}}
{{- define "gateway.config" -}}
{{- $admin := dict "name" .Values.http.adminUser "password_file" "/run/secrets/gateway/admin-password" }}
{{- $own := dict
  "server_name" .Release.Name
  "listeners" (list (dict "name" "tcp" "type" "tcp" "bind" "0.0.0.0:4222"))
  "upstream" (dict "url" .Values.upstreamUrl)
  "http" (dict "bind" "0.0.0.0:8222" "users" (list $admin) "open" .Values.http.open)
  "log" (dict "format" "json") }}
{{- mergeOverwrite $own (deepCopy .Values.config) | toPrettyJson }}
{{- end }}

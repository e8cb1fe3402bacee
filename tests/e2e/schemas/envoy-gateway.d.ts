// SecurityPolicy and ClientTrafficPolicy of Envoy Gateway v1.9.0 (gateway.envoyproxy.io/v1alpha1), as far as
// deploy/kubernetes needs them. No package of a registry has these types, so the names, the types and what is required
// were taken down by hand from the project's api/v1alpha1. What is not written here is an error in a manifest, also
// where Envoy Gateway knows it: add it then, from that source.
import type { IObjectMeta } from "@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta";
import type { IBackendObjectReference } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/BackendObjectReference";
import type { ILocalPolicyTargetReferenceWithSectionName } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/LocalPolicyTargetReferenceWithSectionName";

type Duration = `${number}h` | `${number}m` | `${number}s` | `${number}ms`;

export interface ISecurityPolicy {
  apiVersion: "gateway.envoyproxy.io/v1alpha1";
  kind: "SecurityPolicy";
  metadata: IObjectMeta;
  spec: {
    targetRefs: ILocalPolicyTargetReferenceWithSectionName[];
    extAuth: ExtAuth & ({ http: HttpService; grpc?: never } | { grpc: Backends; http?: never });
  };
}

interface ExtAuth {
  headersToExtAuth?: string[];
  timeout?: Duration;
  failOpen?: boolean;
  recomputeRoute?: boolean;
  statusOnError?: 400 | 401 | 403 | 500 | 502 | 503 | 504;
}

interface Backends {
  backendRefs: (IBackendObjectReference & { weight?: number; fallback?: boolean })[];
}

type HttpService = Backends & { headersToBackend?: string[] } & (
    | { path?: string; pathOverride?: never }
    | { pathOverride?: string; path?: never }
  );

export interface IClientTrafficPolicy {
  apiVersion: "gateway.envoyproxy.io/v1alpha1";
  kind: "ClientTrafficPolicy";
  metadata: IObjectMeta;
  spec: {
    targetRefs: ILocalPolicyTargetReferenceWithSectionName[];
    headers?: {
      earlyRequestHeaders?: { remove?: string[]; removeOnMatch?: StringMatch[] };
      withUnderscoresAction?: "Allow" | "RejectRequest" | "DropHeader";
    };
    path?: {
      escapedSlashesAction?: "KeepUnchanged" | "RejectRequest" | "UnescapeAndForward" | "UnescapeAndRedirect";
      disableMergeSlashes?: boolean;
    };
  };
}

interface StringMatch {
  type?: "Exact" | "Prefix" | "Suffix" | "RegularExpression";
  value: string;
}

// Policy and VirtualServer of F5's NGINX Ingress Controller v5.5.0 (k8s.nginx.org/v1), as far as deploy/kubernetes
// needs them. No package of a registry has these types, so the names, the types and what is required were taken down by
// hand from the project's pkg/apis/configuration/v1. What is not written here is an error in a manifest, also where the
// controller knows it: add it then, from that source.
import type { IObjectMeta } from "@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta";

export interface IPolicy {
  apiVersion: "k8s.nginx.org/v1";
  kind: "Policy";
  metadata: IObjectMeta;
  spec: {
    ingressClassName?: string;
    externalAuth: {
      authURI: `/${string}`;
      authServiceName: string;
      authServicePorts?: number[];
      authSnippets?: string;
    };
  };
}

export interface IVirtualServer {
  apiVersion: "k8s.nginx.org/v1";
  kind: "VirtualServer";
  metadata: IObjectMeta;
  spec: {
    ingressClassName?: string;
    host: string;
    tls?: { secret: string };
    upstreams: { name: string; service: string; port: number }[];
    routes: {
      path: string;
      policies?: { name: string; namespace?: string }[];
      "location-snippets"?: string;
      action: { pass: string; proxy?: never } | { proxy: Proxy; pass?: never };
    }[];
  };
}

interface Proxy {
  upstream: string;
  requestHeaders?: { pass?: boolean; set?: { name: string; value: string }[] };
}

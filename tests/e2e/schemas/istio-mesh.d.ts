// IstioOperator's meshConfig of Istio 1.31 (istio.mesh.v1alpha1.MeshConfig), as far as deploy/kubernetes needs it: the
// CRD leaves its content open. Taken down by hand from the project's mesh/v1alpha1/config.proto, in proto3's JSON names.
// What is not written here is an error in a manifest, also where Istio knows it: add it then, from that source.

type Duration = `${number}s`;

export interface IIstioOperator {
  apiVersion: "install.istio.io/v1alpha1";
  kind: "IstioOperator";
  spec: {
    meshConfig: {
      pathNormalization?: { normalization: "DEFAULT" | "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES" };
      extensionProviders: { name: string; envoyExtAuthzHttp: HttpProvider }[];
    };
  };
}

interface HttpProvider {
  service: string;
  port: number;
  timeout?: Duration;
  pathPrefix?: string;
  failOpen?: boolean;
  clearRouteCache?: boolean;
  statusOnError?: string;
  includeRequestHeadersInCheck?: string[];
  includeAdditionalHeadersInCheck?: Record<string, string>;
  headersToUpstreamOnAllow?: string[];
  headersToDownstreamOnDeny?: string[];
  headersToDownstreamOnAllow?: string[];
}

// SPDX-License-Identifier: Apache-2.0
#include "kube/access/stock_role_text.h"

namespace gantry::kube {

const std::string_view kStockRoleText = R"(
clusterrole cluster-admin
  * * *
  * path *

# ---- For people

clusterrole admin aggregates admin
clusterrole edit part-of admin aggregates edit
clusterrole view part-of edit aggregates view

clusterrole system:aggregate-to-admin part-of admin
  create authorization.k8s.io localsubjectaccessreviews
  read,write rbac.authorization.k8s.io roles,rolebindings

clusterrole system:aggregate-to-edit part-of edit
  read core pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy
  impersonate core serviceaccounts
  write core pods,pods/attach,pods/exec,pods/portforward,pods/proxy
  create core pods/eviction
  write core configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets
  write core serviceaccounts,services,services/proxy
  create core serviceaccounts/token
  write apps daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale
  write apps statefulsets,statefulsets/scale
  write autoscaling horizontalpodautoscalers
  write batch cronjobs,jobs
  write extensions daemonsets,deployments,deployments/rollback,deployments/scale,ingresses,networkpolicies
  write extensions replicasets,replicasets/scale,replicationcontrollers/scale
  write policy poddisruptionbudgets
  write networking.k8s.io ingresses,networkpolicies
  read,write coordination.k8s.io leases

clusterrole system:aggregate-to-view part-of view
  read core configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers
  read core replicationcontrollers/scale,serviceaccounts,services,services/status
  read core bindings,events,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/status
  read core resourcequotas,resourcequotas/status
  read core namespaces
  read discovery.k8s.io endpointslices
  read apps controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status
  read apps replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/scale,statefulsets/status
  read autoscaling horizontalpodautoscalers,horizontalpodautoscalers/status
  read batch cronjobs,cronjobs/status,jobs,jobs/status
  read extensions daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses
  read extensions ingresses/status,networkpolicies,replicasets,replicasets/scale,replicasets/status
  read extensions replicationcontrollers/scale
  read policy poddisruptionbudgets,poddisruptionbudgets/status
  read networking.k8s.io ingresses,ingresses/status,networkpolicies

clusterrole system:basic-user
  create authorization.k8s.io selfsubjectaccessreviews,selfsubjectrulesreviews
  create authentication.k8s.io selfsubjectreviews
clusterrole system:discovery
  get path /api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
clusterrole system:public-info-viewer
  get path /healthz,/livez,/readyz,/version,/version/
clusterrole system:monitoring
  get path /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*
clusterrole system:service-account-issuer-discovery
  get path /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/

# ---- For parts of the system

clusterrole system:auth-delegator
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
clusterrole system:heapster
  read core events,namespaces,nodes,pods
  read extensions deployments
clusterrole system:kube-aggregator
  read core endpoints,services
clusterrole system:kube-controller-manager
  create,patch,update core,events.k8s.io events
  create coordination.k8s.io leases
  get,update coordination.k8s.io leases kube-controller-manager
  create core secrets,serviceaccounts
  delete core secrets
  get core configmaps,namespaces,secrets,serviceaccounts
  update core secrets,serviceaccounts
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
  list,watch * *
  create core serviceaccounts/token
clusterrole system:kube-dns
  list,watch core endpoints,services
clusterrole system:kube-scheduler
  create,patch,update core,events.k8s.io events
  create coordination.k8s.io leases
  get,list,watch,update coordination.k8s.io leases kube-scheduler
  read core nodes
  delete,get,list,watch core pods
  create core bindings,pods/binding
  patch,update core pods/status
  read core replicationcontrollers,services
  read apps,extensions replicasets
  read apps statefulsets
  read policy poddisruptionbudgets
  read core persistentvolumeclaims,persistentvolumes
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
  read storage.k8s.io csinodes,csidrivers,csistoragecapacities
  read core namespaces
clusterrole system:volume-scheduler
  read core persistentvolumes
  patch,update core persistentvolumes
  read storage.k8s.io storageclasses
  read core persistentvolumeclaims
  patch,update core persistentvolumeclaims
clusterrole system:kubelet-api-admin
  read core nodes
  proxy core nodes
  * core nodes/log,nodes/metrics,nodes/proxy,nodes/stats,nodes/configz,nodes/healthz,nodes/pods
clusterrole system:node
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io localsubjectaccessreviews,subjectaccessreviews
  read core services
  create,get,list,watch core nodes
  patch,update core nodes/status
  patch,update core nodes
  create,patch,update core,events.k8s.io events
  read core pods
  create,delete core pods
  patch,update core pods/status
  create core pods/eviction
  read core configmaps,secrets
  get core persistentvolumeclaims,persistentvolumes
  get core endpoints
  create,get,list,watch certificates.k8s.io certificatesigningrequests
  create,delete,get,patch,update coordination.k8s.io leases
  get storage.k8s.io volumeattachments
  create core serviceaccounts/token
  get,patch,update core persistentvolumeclaims/status
  read storage.k8s.io csidrivers
  create,delete,get,patch,update storage.k8s.io csinodes
  read node.k8s.io runtimeclasses
clusterrole system:node-bootstrapper
  create,get,list,watch certificates.k8s.io certificatesigningrequests
clusterrole system:node-problem-detector
  get core nodes
  patch core nodes/status
  create,patch,update core,events.k8s.io events
clusterrole system:node-proxier
  list,watch core endpoints,services
  read core nodes
  create,patch,update core,events.k8s.io events
  list,watch discovery.k8s.io endpointslices
clusterrole system:persistent-volume-provisioner
  create,delete,get,list,watch core persistentvolumes
  get,list,update,watch core persistentvolumeclaims
  read storage.k8s.io storageclasses
  watch core events
  create,patch,update core,events.k8s.io events
clusterrole system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create certificates.k8s.io certificatesigningrequests/nodeclient
clusterrole system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create certificates.k8s.io certificatesigningrequests/selfnodeclient
clusterrole system:certificates.k8s.io:kube-apiserver-client-approver
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client
clusterrole system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet
clusterrole system:certificates.k8s.io:kubelet-serving-approver
  approve certificates.k8s.io signers kubernetes.io/kubelet-serving
clusterrole system:certificates.k8s.io:legacy-unknown-approver
  approve certificates.k8s.io signers kubernetes.io/legacy-unknown

# ---- For controllers

controller attachdetach-controller
  list,watch core persistentvolumeclaims,persistentvolumes
  read core nodes
  patch,update core nodes/status
  list,watch core pods
  create,patch,update core,events.k8s.io events
  create,delete,get,list,watch storage.k8s.io volumeattachments
  read storage.k8s.io csidrivers,csinodes
controller certificate-controller
  delete,get,list,watch certificates.k8s.io certificatesigningrequests
  update certificates.k8s.io certificatesigningrequests/approval,certificatesigningrequests/status
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet
  sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown
  create authorization.k8s.io subjectaccessreviews
  create,patch,update core,events.k8s.io events
controller clusterrole-aggregation-controller
  escalate,get,list,patch,update,watch rbac.authorization.k8s.io clusterroles
controller cronjob-controller
  get,list,update,watch batch cronjobs
  create,delete,get,list,patch,update,watch batch jobs
  update batch cronjobs/status
  update batch cronjobs/finalizers
  delete,list core pods
  create,patch,update core,events.k8s.io events
controller daemon-set-controller
  read apps,extensions daemonsets
  update apps,extensions daemonsets/status
  update apps,extensions daemonsets/finalizers
  list,watch core nodes
  create,delete,list,patch,watch core pods
  create core pods/binding
  create,delete,get,list,patch,update,watch apps controllerrevisions
  create,patch,update core,events.k8s.io events
controller deployment-controller
  get,list,update,watch apps,extensions deployments
  update apps,extensions deployments/status
  update apps,extensions deployments/finalizers
  create,delete,get,list,patch,update,watch apps,extensions replicasets
  get,list,update,watch core pods
  create,patch,update core,events.k8s.io events
controller disruption-controller
  read apps,extensions deployments
  read apps,extensions replicasets
  read core replicationcontrollers
  read policy poddisruptionbudgets
  read apps statefulsets
  update policy poddisruptionbudgets/status
  patch,update core pods/status
  get * */scale
  create,patch,update core,events.k8s.io events
controller endpoint-controller
  read core pods,services
  create,delete,get,list,update,watch core endpoints
  create core endpoints/restricted
  create,patch,update core,events.k8s.io events
controller endpointslice-controller
  read core nodes,pods,services
  update core services/finalizers
  create,delete,get,list,update,watch discovery.k8s.io endpointslices
  create,patch,update core,events.k8s.io events
controller endpointslicemirroring-controller
  read core endpoints,services
  update core services/finalizers
  update core endpoints/finalizers
  create,delete,get,list,update,watch discovery.k8s.io endpointslices
  create,patch,update core,events.k8s.io events
controller ephemeral-volume-controller
  read core pods
  update core pods/finalizers
  create,get,list,watch core persistentvolumeclaims
  create,patch,update core,events.k8s.io events
controller expand-controller
  get,list,patch,update,watch core persistentvolumes
  patch,update core persistentvolumeclaims/status
  read core persistentvolumeclaims
  create,patch,update core,events.k8s.io events
controller generic-garbage-collector
  delete,get,list,patch,update,watch * *
  create,patch,update core,events.k8s.io events
controller horizontal-pod-autoscaler
  read autoscaling horizontalpodautoscalers
  update autoscaling horizontalpodautoscalers/status
  get,update * */scale
  list,watch core pods
  list,watch metrics.k8s.io pods
  read custom.metrics.k8s.io *
  read external.metrics.k8s.io *
  create,patch,update core,events.k8s.io events
controller job-controller
  get,list,patch,update,watch batch jobs
  update batch jobs/status
  update batch jobs/finalizers
  create,delete,list,patch,watch core pods
  create,patch,update core,events.k8s.io events
controller legacy-service-account-token-cleaner
  get core configmaps kube-apiserver-legacy-service-account-token-tracking
  delete,patch core secrets
controller namespace-controller
  delete,get,list,watch core namespaces
  update core namespaces/finalize,namespaces/status
  delete,deletecollection,get,list,watch * *
controller node-controller
  delete,get,list,patch,update,watch core nodes
  patch,update core nodes/status
  patch,update core pods/status
  delete,get,list,watch core pods
  create,patch,update core,events.k8s.io events
controller persistent-volume-binder
  create,delete,get,list,update,watch core persistentvolumes
  update core persistentvolumes/status
  get,list,update,watch core persistentvolumeclaims
  update core persistentvolumeclaims/status
  create,delete,get,list,watch core pods
  read storage.k8s.io storageclasses
  list,watch core nodes
  create,patch,update core,events.k8s.io events
  watch core events
controller pod-garbage-collector
  delete,list,watch core pods
  read core nodes
  patch core pods/status
controller pv-protection-controller
  get,list,update,watch core persistentvolumes
  create,patch,update core,events.k8s.io events
controller pvc-protection-controller
  get,list,update,watch core persistentvolumeclaims
  update core persistentvolumeclaims/status
  read core pods
  create,patch,update core,events.k8s.io events
controller replicaset-controller
  get,list,update,watch apps,extensions replicasets
  update apps,extensions replicasets/status
  update apps,extensions replicasets/finalizers
  create,delete,list,patch,watch core pods
  create,patch,update core,events.k8s.io events
controller replication-controller
  get,list,update,watch core replicationcontrollers
  update core replicationcontrollers/status
  update core replicationcontrollers/finalizers
  create,delete,list,patch,watch core pods
  create,patch,update core,events.k8s.io events
controller resourcequota-controller
  list,watch * *
  update core resourcequotas/status
  create,patch,update core,events.k8s.io events
controller root-ca-cert-publisher
  create,update core configmaps
  create,patch,update core,events.k8s.io events
controller route-controller
  list,watch core nodes
  patch core nodes/status
  create,patch,update core,events.k8s.io events
controller service-account-controller
  create core serviceaccounts
  create,patch,update core,events.k8s.io events
controller service-cidrs-controller
  get,list,patch,update,watch networking.k8s.io servicecidrs
  patch,update networking.k8s.io servicecidrs/finalizers
  patch,update networking.k8s.io servicecidrs/status
  read networking.k8s.io ipaddresses
  create,patch,update core,events.k8s.io events
controller service-controller
  read core services
  patch,update core services/status
  list,watch core nodes
  create,patch,update core,events.k8s.io events
controller statefulset-controller
  list,watch core pods
  read apps statefulsets
  update apps statefulsets/status
  update apps statefulsets/finalizers
  create,delete,get,patch,update core pods
  create,delete,get,list,patch,update,watch apps controllerrevisions
  create,delete,get,list,update,watch core persistentvolumeclaims
  update core pods/finalizers
  create,patch,update core,events.k8s.io events
controller ttl-after-finished-controller
  delete,get,list,watch batch jobs
  create,patch,update core,events.k8s.io events
controller ttl-controller
  list,patch,update,watch core nodes
  create,patch,update core,events.k8s.io events
controller validatingadmissionpolicy-status-controller
  read admissionregistration.k8s.io validatingadmissionpolicies
  get,patch,update admissionregistration.k8s.io validatingadmissionpolicies/status
  create,patch,update core,events.k8s.io events

# ---- Who has them

clusterbinding cluster-admin cluster-admin group=system:masters
clusterbinding system:monitoring system:monitoring group=system:monitoring
clusterbinding system:discovery system:discovery group=system:authenticated
clusterbinding system:basic-user system:basic-user group=system:authenticated
clusterbinding system:public-info-viewer system:public-info-viewer group=system:authenticated group=system:unauthenticated
clusterbinding system:node-proxier system:node-proxier user=system:kube-proxy
clusterbinding system:kube-controller-manager system:kube-controller-manager user=system:kube-controller-manager
clusterbinding system:kube-dns system:kube-dns account=kube-system/kube-dns
clusterbinding system:kube-scheduler system:kube-scheduler user=system:kube-scheduler
clusterbinding system:volume-scheduler system:volume-scheduler user=system:kube-scheduler
clusterbinding system:service-account-issuer-discovery system:service-account-issuer-discovery group=system:serviceaccounts
# Nodes have what the node authorizer gives them, each its own.
clusterbinding system:node system:node

# ---- In namespaces of the system

role kube-system extension-apiserver-authentication-reader
  read core configmaps extension-apiserver-authentication
role kube-system system:controller:bootstrap-signer
  read core secrets
role kube-system system:controller:cloud-provider
  create,get,list,watch core configmaps
role kube-system system:controller:token-cleaner
  delete,get,list,watch core secrets
  create,patch,update core,events.k8s.io events
role kube-system system::leader-locking-kube-controller-manager
  watch core configmaps
  get,update core configmaps kube-controller-manager
  create,get,list,update,watch coordination.k8s.io leases
role kube-system system::leader-locking-kube-scheduler
  watch core configmaps
  get,update core configmaps kube-scheduler
role kube-public system:controller:bootstrap-signer
  read core configmaps
  update core configmaps cluster-info
  create,patch,update core,events.k8s.io events
binding kube-system system::extension-apiserver-authentication-reader extension-apiserver-authentication-reader user=system:kube-controller-manager user=system:kube-scheduler
binding kube-system system:controller:bootstrap-signer system:controller:bootstrap-signer account=kube-system/bootstrap-signer
binding kube-system system:controller:cloud-provider system:controller:cloud-provider account=kube-system/cloud-provider
binding kube-system system:controller:token-cleaner system:controller:token-cleaner account=kube-system/token-cleaner
binding kube-system system::leader-locking-kube-controller-manager system::leader-locking-kube-controller-manager user=system:kube-controller-manager account=kube-system/kube-controller-manager account=kube-system/leader-election-controller
binding kube-system system::leader-locking-kube-scheduler system::leader-locking-kube-scheduler user=system:kube-scheduler account=kube-system/kube-scheduler
binding kube-public system:controller:bootstrap-signer system:controller:bootstrap-signer account=kube-system/bootstrap-signer
)";

}  // namespace gantry::kube

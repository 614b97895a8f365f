// Dedicated: instances that are always on, and a slot to try a package in where the plan has slots.
param name string
param location string
param tags object
param sku string
param hasSlot bool
param instances int
param identityId string
param allowedOrigins string[]
param settings object

var properties = {
  serverFarmId: plan.id
  httpsOnly: true
  keyVaultReferenceIdentity: identityId
  siteConfig: {
    alwaysOn: true
    healthCheckPath: '/api/health/live'
    cors: { allowedOrigins: allowedOrigins }
    ftpsState: 'Disabled'
    http20Enabled: true
    minTlsVersion: '1.2'
  }
}

var hostSettings = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'custom'
  WEBSITE_RUN_FROM_PACKAGE: '1'
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'linux'
  sku: { name: sku, capacity: instances }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: properties

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: { ...settings, ...hostSettings }
  }

  resource noPasswordToScm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource noPasswordToFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

resource staging 'Microsoft.Web/sites/slots@2024-11-01' = if (hasSlot) {
  parent: app
  name: 'staging'
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: properties

  resource slotSettings 'config' = {
    name: 'appsettings'
    properties: { ...settings, ...hostSettings }
  }

  resource noPasswordToSlotScm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource noPasswordToSlotFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

output hostName string = app.properties.defaultHostName

// The function app: what it is told, and on which plan it runs. This is the only writer of its settings: one that was set by
// hand is gone with the next deployment.
import { Scale, Sync } from 'types.bicep'

param name string
param location string
param tags object
param hostingPlan 'flex' | 'dedicated'
param dedicatedSku string
param dedicatedInstances int
param scale Scale
param identityName string
param storageName string
param vaultName string
param insightsName string

@description('Empty where there is no Redis.')
param redisName string

param allowedOrigins string[]

@description('Client id of the application that people sign in to. Empty: they have function keys.')
param signIn string

param organizationUrl string
param projects string
param streamsMax int
param sync Sync
param moreSettings object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = { name: identityName }
resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = { name: storageName }
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: vaultName }
resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }
resource redis 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = if (!empty(redisName)) {
  name: empty(redisName) ? 'none' : redisName
}

var hasSlot = hostingPlan == 'dedicated' && dedicatedSku != 'B1'

// The name is App Service's own.
var identitySetting = 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'

var settings = {
  // The host.
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  SYNC_SCHEDULE: sync.schedule
  ...(empty(signIn) ? {} : { '${identitySetting}': identity.properties.clientId })
  // boardcast.
  AZURE_CLIENT_ID: identity.properties.clientId
  BOARDCAST_ORGANIZATION_URL: organizationUrl
  BOARDCAST_PROJECTS: projects
  BOARDCAST_WEBHOOK_SECRET: '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/webhook-secret)'
  BOARDCAST_PUBLIC_URL: 'https://${name}.azurewebsites.net'
  BOARDCAST_WEBHOOK_KEY: '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/webhook-key)'
  BOARDCAST_OPERATOR_KEY: '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/operator-key)'
  BOARDCAST_REDIS_URL: empty(redisName) ? '' : 'rediss://${redis!.properties.hostName}:10000'
  BOARDCAST_TABLES: storage.properties.primaryEndpoints.table
  BOARDCAST_STREAMS_MAX: string(streamsMax)
  BOARDCAST_SYNC_CRON: sync.cron
  BOARDCAST_SYNC_ZONE: sync.zone
}

module flex 'flex.bicep' = if (hostingPlan == 'flex') {
  params: {
    name: name
    location: location
    tags: tags
    scale: scale
    identityId: identity.id
    packages: '${storage.properties.primaryEndpoints.blob}app-package'
    allowedOrigins: allowedOrigins
    settings: { ...settings, ...moreSettings }
  }
}

module dedicated 'dedicated.bicep' = if (hostingPlan == 'dedicated') {
  params: {
    name: name
    location: location
    tags: tags
    sku: dedicatedSku
    hasSlot: hasSlot
    instances: dedicatedInstances
    identityId: identity.id
    allowedOrigins: allowedOrigins
    settings: { ...settings, ...moreSettings }
  }
}

module signin 'signin.bicep' = {
  params: {
    appName: name
    hasSlot: hasSlot
    clientId: signIn
    identitySetting: identitySetting
  }
  dependsOn: [flex, dedicated]
}

output url string = 'https://${hostingPlan == 'flex' ? flex!.outputs.hostName : dedicated!.outputs.hostName}'

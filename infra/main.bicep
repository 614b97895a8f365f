// A whole deployment of boardcast in a resource group of its own, without a single key: everything logs in by one identity.
targetScope = 'subscription'

@description('Name of this deployment, and of its resource group: `rg-<name>`. Two deployments have two names.')
@minLength(1)
@maxLength(40)
param environmentName string = 'boardcast'

@description('Azure region of every resource. It has to offer the hosting plan, and Azure Managed Redis unless that is left out.')
param location string

@description('URL of the Azure DevOps organisation, such as https://dev.azure.com/contoso.')
@minLength(9)
param organizationUrl string

@description('Projects to serve: names or GUIDs, comma-separated.')
@minLength(1)
param projects string

@description('`flex`: Flex Consumption, billed while anybody watches. `dedicated`: App Service plan that is always on, at a flat price; choose it for walls that are lit day and night.')
@allowed(['flex', 'dedicated'])
param hostingPlan string = 'flex'

@description('Size of a Dedicated plan. B1 has no slots, so there a deployment restarts the app.')
@allowed(['B1', 'P0v3', 'P1v3'])
param dedicatedSku string = 'P0v3'

@description('How many instances a Dedicated plan has.')
@minValue(1)
@maxValue(10)
param dedicatedInstances int = 1

@description('Requests that one Flex Consumption instance takes at once, each open stream being one; nine tenths of it may be streams. The platform\'s own default of 16 for this memory starts an instance for every 16 viewers.')
@minValue(50)
@maxValue(1000)
param perInstanceConcurrency int = 1000

@description('How many Flex Consumption instances there may be. Without Redis it is 1.')
@minValue(1)
@maxValue(100)
param maximumInstances int = 10

@description('Memory of a Flex Consumption instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Flex Consumption instances that are kept ready for HTTP, billed all the time: 1 spares the first viewer of the day the start.')
@minValue(0)
@maxValue(10)
param alwaysReady int = 0

@description('Azure Managed Redis. Without it boards are kept in the memory of one instance: when that ends, they are empty until Azure DevOps was read again, streams cannot resume where they were, and hooks that came meanwhile wait in the archive. There is one instance, so 900 streams at most, and where the platform starts a second one for a while, its readers do not see what hooks told the first.')
param redis bool = true

@description('Size of Azure Managed Redis.')
param redisSku string = 'Balanced_B0'

@description('A second node of Redis that takes over, at twice the price.')
param redisHighAvailability bool = false

@description('Origins whose pages may read the API and the stream, such as https://wall.example.')
param allowedOrigins string[] = []

@description('Client id of an application in Microsoft Entra that people sign in to, instead of having function keys. It goes with the package of `scripts/package --sign-in`: set BOARDCAST_SIGN_IN, which chooses both.')
param signIn string = ''

@description('When the timer fires: NCRONTAB with six fields, in UTC. It has to cover the hours of `syncCron` in `syncZone`, in summer and in winter.')
param syncSchedule string = '0 */15 12-23 * * 1-5'

@description('In which hours and on which days boards are compared with Azure DevOps: cron with five fields.')
param syncCron string = '*/15 8-18 * * 1-5'

@description('IANA time zone of `syncCron`.')
param syncZone string = 'America/New_York'

@description('Further settings of docs/OPERATIONS.md by their names, such as `{"BOARDCAST_TEAMS": "Web"}`. They win over those that follow from the other parameters. Secrets belong in the key vault: name them by a reference.')
param moreSettings object = {}

@description('GB of logs a day after which no more are taken until the next day, Application Insights included.')
@minValue(1)
param dailyLogCapGB int = 1

@description('Amount a month, in the currency of the subscription, of which 80 % spent or 100 % forecast is told to the owners and contributors.')
@minValue(1)
param monthlyBudget int = 100

@description('First day of the month in which the budget begins; empty for this month. Azure refuses to change it: scripts/budget-start says what it is.')
param budgetStart string = ''

@description('This month, which is known as a default alone.')
param thisMonth string = utcNow('yyyy-MM-01')

var suffix = uniqueString(subscription().id, environmentName, location)
var tags = { 'azd-env-name': environmentName, application: 'boardcast' }
var names = {
  app: 'func-boardcast-${suffix}'
  identity: 'id-boardcast-${suffix}'
  insights: 'appi-boardcast-${suffix}'
  redis: 'redis-boardcast-${suffix}'
  storage: 'stboardcast${suffix}'
  vault: 'kv-board-${suffix}'
  workspace: 'log-boardcast-${suffix}'
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: tags
    dailyCapGB: dailyLogCapGB
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: { name: names.storage, location: location, tags: tags }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: { name: names.vault, location: location, tags: tags }
}

module cache 'modules/redis.bicep' = if (redis) {
  scope: group
  params: {
    name: names.redis
    location: location
    tags: tags
    sku: redisSku
    highAvailability: redisHighAvailability
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  params: {
    principalId: identity.outputs.principalId
    deployerId: deployer().objectId
    storageName: names.storage
    vaultName: names.vault
    insightsName: names.insights
    redisName: redis ? names.redis : ''
  }
  dependsOn: [storage, vault, monitoring, cache]
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: names.app
    location: location
    tags: tags
    hostingPlan: hostingPlan
    dedicatedSku: dedicatedSku
    dedicatedInstances: dedicatedInstances
    scale: {
      perInstanceConcurrency: perInstanceConcurrency
      maximumInstances: redis ? maximumInstances : 1
      instanceMemoryMB: instanceMemoryMB
      alwaysReady: alwaysReady
    }
    identityName: names.identity
    storageName: names.storage
    vaultName: names.vault
    insightsName: names.insights
    redisName: redis ? names.redis : ''
    allowedOrigins: allowedOrigins
    signIn: signIn
    organizationUrl: organizationUrl
    projects: projects
    streamsMax: hostingPlan == 'flex' ? perInstanceConcurrency * 9 / 10 : 1000
    sync: { schedule: syncSchedule, cron: syncCron, zone: syncZone }
    moreSettings: moreSettings
  }
  // The app cannot start before its identity may read what it needs.
  dependsOn: [roles]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: { location: location, tags: tags, insightsName: names.insights }
  dependsOn: [monitoring]
}

module budget 'modules/budget.bicep' = {
  scope: group
  params: { amount: monthlyBudget, startDate: empty(budgetStart) ? thisMonth : budgetStart }
}

@description('The resource group.')
output AZURE_RESOURCE_GROUP string = group.name

@description('The function app.')
output AZURE_FUNCTION_NAME string = names.app

@description('Where it answers.')
output BOARDCAST_URL string = app.outputs.url

@description('The key vault whose secrets scripts/secrets makes.')
output AZURE_KEY_VAULT_NAME string = names.vault

@description('The storage account, which keeps the last package that worked.')
output AZURE_STORAGE_ACCOUNT string = names.storage

@description('Object id of the identity, by which it is added to the Azure DevOps organisation.')
output BOARDCAST_PRINCIPAL_ID string = identity.outputs.principalId
